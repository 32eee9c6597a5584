"""Tables and files of a warehouse."""
