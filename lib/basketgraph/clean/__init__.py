"""From landing files to silver tables: pick-up by ledger, mapping, rejection with reasons, pseudonyms, counts that add up."""
