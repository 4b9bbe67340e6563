"""Which comparison with a constant guards something: candidates for hidden triggers, with their parts and their score."""
