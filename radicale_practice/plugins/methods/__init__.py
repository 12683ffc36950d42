"""Our Application's own methods, one module each. All write through the plugins' shared services."""
