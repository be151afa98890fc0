"""What was used, at which filed price, and the invoice that follows."""
