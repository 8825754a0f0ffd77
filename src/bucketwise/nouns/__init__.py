"""What everything else speaks of, checked where it is born."""
