"""What `target` is to the SQL linter, which renders templates without dbt."""

database = "warehouse"
schema = "main"
