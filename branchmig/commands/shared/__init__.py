"""What several commands share: options, prompts, and the flow of a run."""
