"""Groups of commands, one module each; `pressrun.cli` adds them."""
