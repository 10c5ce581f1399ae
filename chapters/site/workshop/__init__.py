"""What the site is made of: pages that are written by programs, each module one kind."""
