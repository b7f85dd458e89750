"""Migrations make the database's tables, and bring those of earlier versions up to date."""
