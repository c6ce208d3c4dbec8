"""What a laboratory's report says beside the count: statements, reference ranges, errata."""
