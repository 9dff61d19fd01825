"""What runs on the hosts of a group (docs/host-package.md)."""
