"""What goes to and comes from other systems of the hospital: signed reports, and orders."""
