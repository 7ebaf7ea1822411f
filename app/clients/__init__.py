"""The vendors, each behind a protocol of ours; every library error leaves here as one of app.errors."""
