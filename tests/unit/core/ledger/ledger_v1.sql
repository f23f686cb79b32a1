BEGIN TRANSACTION;
CREATE TABLE attempts (
	operation_id VARCHAR(64) NOT NULL, 
	epoch INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	purpose VARCHAR(16) NOT NULL, 
	started_at FLOAT NOT NULL, 
	ended_at FLOAT NOT NULL, 
	effect VARCHAR(16) NOT NULL, 
	error TEXT, 
	stale BOOLEAN NOT NULL, 
	PRIMARY KEY (operation_id, epoch, number)
)
 WITHOUT ROWID

;
INSERT INTO "attempts" VALUES('op_1',1,1,'send',1795400001.0,1795400002.0,'applied',NULL,0);
CREATE TABLE decisions (
	seq INTEGER NOT NULL, 
	operation_id VARCHAR(64), 
	at FLOAT NOT NULL, 
	"by" VARCHAR(64) NOT NULL, 
	decision VARCHAR(64) NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "decisions" VALUES(1,'op_2',1795400003.0,'pipeline','Wait','not yet','{}');
INSERT INTO "decisions" VALUES(2,NULL,1795400004.0,'policy','deny','no rule allows it','{}');
CREATE TABLE holders (
	id VARCHAR(64) NOT NULL, 
	beat_at FLOAT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "holders" VALUES('holder_1',1795400000.0);
CREATE TABLE ledger_meta (
	schema_version INTEGER NOT NULL, 
	PRIMARY KEY (schema_version)
);
INSERT INTO "ledger_meta" VALUES(1);
CREATE TABLE operations (
	seq INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	system VARCHAR(255) NOT NULL, 
	action VARCHAR(255) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	identity TEXT NOT NULL, 
	request TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	entity VARCHAR(255), 
	principal VARCHAR(255) NOT NULL, 
	adapter_version VARCHAR(255) NOT NULL, 
	policy TEXT NOT NULL, 
	trace_id VARCHAR(255) NOT NULL, 
	batch_id VARCHAR(64), 
	atomic BOOLEAN NOT NULL, 
	deadline_at FLOAT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	outcome TEXT, 
	error TEXT, 
	holder VARCHAR(64), 
	epoch INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	sent_at FLOAT, 
	last_sent_at FLOAT, 
	next_check_at FLOAT, 
	checks INTEGER NOT NULL, 
	parked_because TEXT, 
	PRIMARY KEY (seq), 
	UNIQUE (system, "key"), 
	UNIQUE (id)
);
INSERT INTO "operations" VALUES(1,'op_1','crm','add_note','k1','{"reference":"R-1"}','{"reference":"R-1"}','d1',NULL,'agent:a','toy 1','{}','',NULL,0,1795400030.0,'applied','{"value":{"id":"1"}}',NULL,NULL,1,1795400000.0,1795400000.0,NULL,NULL,NULL,0,NULL);
INSERT INTO "operations" VALUES(2,'op_2','crm','add_note','k2','{"reference":"R-2"}','{"reference":"R-2"}','d2','case-2','agent:a','toy 1','{}','',NULL,0,1795400030.0,'unknown',NULL,'{"type":"ReplyTimeout","message":"late"}',NULL,1,1795400000.0,1795400000.0,1795400001.0,1795400002.0,1795400010.0,1,NULL);
INSERT INTO "operations" VALUES(3,'op_3','crm','add_note','k3','{"reference":"R-3"}','{"reference":"R-3"}','d3',NULL,'agent:a','toy 1','{}','',NULL,0,1795400030.0,'rejected',NULL,'{"type":"BusinessRule","message":"no"}',NULL,1,1795400000.0,1795400000.0,NULL,NULL,NULL,0,NULL);
INSERT INTO "operations" VALUES(4,'op_4','crm','add_note','k4','{"reference":"R-4"}','{"reference":"R-4"}','d4',NULL,'agent:a','toy 1','{}','','b1',1,1795400030.0,'parked',NULL,NULL,NULL,1,1795400000.0,1795400000.0,NULL,NULL,NULL,0,'a person must look');
INSERT INTO "operations" VALUES(5,'op_5','crm','add_note','k5','{"reference":"R-5"}','{"reference":"R-5"}','d5',NULL,'agent:a','toy 1','{}','',NULL,0,1795400030.0,'running',NULL,NULL,'holder_1',1,1795400000.0,1795400000.0,NULL,NULL,NULL,0,NULL);
CREATE TABLE probes (
	seq INTEGER NOT NULL, 
	operation_id VARCHAR(64) NOT NULL, 
	epoch INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	finding VARCHAR(16) NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
INSERT INTO "probes" VALUES(1,'op_2',1,1795400003.0,'absent','{}');
CREATE INDEX ix_decisions_operation ON decisions (operation_id);
CREATE INDEX ix_operations_batch_id ON operations (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX ix_operations_entity ON operations (entity) WHERE entity IS NOT NULL;
CREATE INDEX ix_operations_status ON operations (status, system, next_check_at);
CREATE INDEX ix_probes_operation ON probes (operation_id);
COMMIT;
