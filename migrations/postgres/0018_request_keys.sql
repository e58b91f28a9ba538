-- The keys of requests that led to a promotion: several pipelines may have asked for the same one, and each is answered
-- with it however often it asks.
CREATE TABLE request_keys (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    promotion_id UUID NOT NULL REFERENCES promotions (id) ON DELETE CASCADE
);

CREATE INDEX request_keys_promotion ON request_keys (promotion_id);

INSERT INTO request_keys (key, promotion_id)
SELECT request_key, id FROM promotions WHERE request_key IS NOT NULL;

DROP INDEX promotions_key_unique;

ALTER TABLE promotions DROP COLUMN request_key;
