"""The wire: packets, channels, and the ports that bring them to a host."""
