-- A file of schema 3, written by a store of that version and dumped as SQL.
PRAGMA application_id = 2002874983;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO "counters" VALUES('model',1);
INSERT INTO "counters" VALUES('seq',14);
CREATE TABLE deletions (
    seq       INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    key       TEXT NOT NULL
);
INSERT INTO "deletions" VALUES(11,'memories.bob','gone');
CREATE TABLE items (
    id         INTEGER PRIMARY KEY,
    namespace  TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    value      TEXT    NOT NULL,             -- JSON
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ttl        REAL,                         -- minutes
    expires_at INTEGER,
    paths      TEXT,                         -- JSON: the `index` argument of the put
    terms      TEXT,                         -- JSON: own and extra term counts, thread, position; NULL: not indexed
    question   INTEGER NOT NULL DEFAULT 0,
    importance REAL,
    written    INTEGER NOT NULL,             -- `seq` of its last write: newest first, whatever clocks say
    seq        INTEGER NOT NULL              -- of its last change, a moved expiry included
);
INSERT INTO "items" VALUES(1,'memories.ana','a-2','{"content":"Where is our spare key?","thread_id":"t1","position":2,"author":"ana","kind":"turn"}',1779010200000000,1779010200000000,NULL,NULL,NULL,'["content"]',1,NULL,4,4);
INSERT INTO "items" VALUES(2,'memories.ana','a-0','{"content":"I live in Lisbon.","thread_id":"t1","position":0,"author":"ana","kind":"turn"}',1779010200000000,1779010200000000,NULL,NULL,NULL,'["content"]',0,NULL,2,2);
INSERT INTO "items" VALUES(3,'memories.ana','a-1','{"content":"Noted: Lisbon.","thread_id":"t1","position":1,"author":"assistant","kind":"turn"}',1779010200000000,1779010200000000,NULL,NULL,NULL,'["content"]',0,NULL,3,3);
INSERT INTO "items" VALUES(5,'memories.ana','a-3','{"content":"At the bakery downstairs.","thread_id":"t1","position":3,"author":"assistant","kind":"turn"}',1779010200000000,1779010200000000,NULL,NULL,NULL,'["content"]',0,NULL,5,5);
INSERT INTO "items" VALUES(6,'memories.ana','two-texts','{"content":"my dog is called Bruno","note":"a small brown dog"}',1779010500000000,1779010500000000,NULL,NULL,'["content", "note"]','["content","note"]',0,NULL,6,6);
INSERT INTO "items" VALUES(7,'memories.ana','plain','{"content":"not searched"}',1779010500000000,1779010500000000,NULL,NULL,'false',NULL,0,NULL,7,7);
INSERT INTO "items" VALUES(8,'memories.bob','b-0','{"content":"Bob likes tea.","importance":0.9}',1779010500000000,1779010500000000,NULL,NULL,NULL,'["content"]',0,0.9,8,8);
INSERT INTO "items" VALUES(9,'memories.bob','mortal','{"content":"for ten minutes"}',1779010500000000,1779010500000000,10.0,1779011100000000,NULL,'["content"]',0,NULL,9,14);
INSERT INTO "items" VALUES(12,'ünïcode.名','k%_''','{"content":"quote '' and \n newline"}',1779010500000000,1779010500000000,NULL,NULL,NULL,'["content"]',0,NULL,12,12);
INSERT INTO "items" VALUES(13,'memories.bob','other-model','{"content":"made by another model"}',1779010500000000,1779010500000000,NULL,NULL,NULL,'["content"]',0,NULL,13,13);
CREATE TABLE models (
    id     INTEGER PRIMARY KEY,
    name   TEXT    NOT NULL,
    dims   INTEGER NOT NULL,
    fields TEXT,                             -- JSON: the paths that it embeds by default; NULL: not known
    UNIQUE (name, dims, fields)
);
INSERT INTO "models" VALUES(1,'hashing-8',8,'["content"]');
INSERT INTO "models" VALUES(2,'hashing-4',4,'["content"]');
CREATE TABLE state (                         -- what warmgraph keeps for itself; never recalled
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,                 -- JSON
    PRIMARY KEY (namespace, name)
) WITHOUT ROWID;
INSERT INTO "state" VALUES('memories.ana','watermark','{"message": "m-4"}');
CREATE TABLE vectors (
    item   INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    part   INTEGER NOT NULL,                 -- an item with several texts has several vectors
    model  INTEGER NOT NULL REFERENCES models (id),
    vector BLOB    NOT NULL                  -- float32, little-endian
);
INSERT INTO "vectors" VALUES(2,0,1,X'F304B5BE00000000F304B53EF304353F00000000F304B53EF304B53E00000000');
INSERT INTO "vectors" VALUES(3,0,1,X'8F84C1BE000000008F84413F000000008F84C13E000000008F84C13E00000000');
INSERT INTO "vectors" VALUES(1,0,1,X'00000000EC05D13EEC05513F0000000000000000EC05D1BE0000000000000000');
INSERT INTO "vectors" VALUES(5,0,1,X'3ACD133F000000003ACD13BF3ACD93BE3ACD933E3ACD933E3ACD93BE00000000');
INSERT INTO "vectors" VALUES(6,0,1,X'00000000EC05513EEC05D1BEEC0551BE71C41C3F71C41CBF0000000000000000');
INSERT INTO "vectors" VALUES(6,1,1,X'0000000000000000A53204BFA532843EA532843EA53204BFA53284BEA53204BF');
INSERT INTO "vectors" VALUES(8,0,1,X'A532843EA53204BF0000000000000000A53284BEA532043FA53284BEA53204BF');
INSERT INTO "vectors" VALUES(9,0,1,X'F304B5BEF304B53E00000000F30435BF00000000F304B5BE00000000F304B5BE');
INSERT INTO "vectors" VALUES(12,0,1,X'EF5B713EEF5B71BEEF5BF13EEF5B713EEF5B71BE00000000F30435BFEF5B71BE');
INSERT INTO "vectors" VALUES(13,0,2,X'9BE8213F9BE8213F9BE8A1BE9BE8A1BE');
CREATE UNIQUE INDEX items_by_key ON items (namespace, key);
CREATE INDEX items_by_age ON items (namespace, written);
CREATE INDEX items_by_seq ON items (seq);
CREATE INDEX items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;
CREATE UNIQUE INDEX vectors_by_item ON vectors (item, model, part);
CREATE INDEX vectors_by_model ON vectors (model);
COMMIT;
