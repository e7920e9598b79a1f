"""Ways to learn (chapter 3): pretraining, without labels, in increments, many tasks, from a teacher."""
