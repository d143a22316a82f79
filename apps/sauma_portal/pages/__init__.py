"""The pages: HTML that works without a script; what is live is a part of a page asked for again."""
