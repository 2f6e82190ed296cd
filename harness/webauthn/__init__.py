"""What a browser does between a page and a key (WebAuthn level 3 §5), without a browser."""
