"""Arrays kept by how they were made."""
