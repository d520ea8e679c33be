"""Where things are kept: rows and models as sealed files, what is known of them in SQL."""
