"""What several images show twice."""
