"""Values that tests are made of: blocks, messages, answers, chains. Nothing here stands in for anything."""
