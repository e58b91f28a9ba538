-- What an environment, a tier, a service or a target says about judging versions: changes of rules, what
-- comes after a late breach, how long a person may take. One row for each that says something; its scope
-- is named by a word and an id: tier:1.
CREATE TABLE judging (
    scope TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    settings JSONB NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);
