"""Read and write the tables, one repository for each subject."""
