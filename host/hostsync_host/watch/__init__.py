"""The push that stays: it watches, and pushes each change at once, until the next tick's command takes over."""
