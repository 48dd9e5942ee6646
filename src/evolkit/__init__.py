"""evolkit: multilingual instruction data from seeds."""
