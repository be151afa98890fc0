"""Process isolation: one job is one short-lived child in bubblewrap, fed and read through pipes. No connectors."""
