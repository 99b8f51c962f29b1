"""Compare mask with mask, and parcels with parcels."""
