"""What people leave for each other: comments, requests to colleagues, tags."""
