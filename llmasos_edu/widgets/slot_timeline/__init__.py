"""The slot timeline: who stood in the batch when, one policy above another."""
