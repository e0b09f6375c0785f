-- What is known of events, files and watchers. The same for SQLite and PostgreSQL: times are milliseconds
-- since 1970, keys are digests, so that they stay short.
CREATE TABLE events (
    id TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    event_key TEXT NOT NULL,
    data TEXT NOT NULL,
    happened BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    -- Not to be taken before.
    ready BIGINT NOT NULL,
    -- waiting, begun, done, failed, stuck, skipped
    state TEXT NOT NULL,
    why TEXT,
    -- What the actions that are done have made, a list.
    made TEXT NOT NULL,
    -- How often all was begun anew, by hand.
    round BIGINT NOT NULL,
    -- How often in a row something stood in its way.
    tries BIGINT NOT NULL,
    -- How often the action that is begun may have been sent.
    sent BIGINT NOT NULL,
    -- Since when it counts among those that its rule may begin.
    admitted BIGINT,
    -- Of the action that is begun: the name of its run, when it was begun, and how often it was looked for.
    run_name TEXT,
    begun BIGINT,
    looks BIGINT NOT NULL,
    -- Who is at work on it.
    runner TEXT,
    ended BIGINT
);
CREATE INDEX events_open ON events (ready, id) WHERE ended IS NULL;
CREATE INDEX events_of_rule ON events (rule, admitted);
CREATE INDEX events_seen ON events (seen);
CREATE INDEX events_ended ON events (ended);

-- The ids of events that were removed because they ended long ago. One that is seen again stays known by it.
CREATE TABLE removed (
    id TEXT PRIMARY KEY
);

-- What became of each event, step by step.
CREATE TABLE steps (
    event TEXT NOT NULL,
    number BIGINT NOT NULL,
    moment BIGINT NOT NULL,
    what TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (event, number)
);

-- The runs that events have made.
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    rule TEXT NOT NULL,
    workspace TEXT NOT NULL,
    launched BIGINT NOT NULL,
    -- 0 while it counts among those that its rule may have at once.
    ended BIGINT NOT NULL
);
CREATE INDEX runs_of_rule ON runs (rule, ended);
CREATE INDEX runs_of_event ON runs (event);

-- Files of watched places.
CREATE TABLE files (
    id TEXT PRIMARY KEY,
    place TEXT NOT NULL,
    path TEXT NOT NULL,
    version TEXT NOT NULL,
    since BIGINT NOT NULL,
    told BIGINT NOT NULL
);
CREATE INDEX files_of_place ON files (place, id);

-- What watchers remember.
CREATE TABLE memories (
    watcher TEXT PRIMARY KEY,
    memory TEXT NOT NULL
);

-- Who is at work, and until when others believe it.
CREATE TABLE runners (
    name TEXT PRIMARY KEY,
    until BIGINT NOT NULL
);
