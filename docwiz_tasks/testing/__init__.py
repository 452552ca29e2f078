"""What hosts test with: fixtures, a fake Redis, a sample case."""
