import type { Effect } from '../statement.ts'

/** What a kind of statement does, where its kind alone tells. */
export interface KindEffect {
  /** The command as a person names it. */
  readonly verb: string
  readonly effects: readonly Effect[]
  readonly reason: string
  /** Its string constants may hold passwords. */
  readonly secret?: true
}

const DDL: readonly Effect[] = ['ddl']
const SCHEMA = 'changes the schema'
const SERVER = 'changes the server'
const RIGHTS = 'changes rights'
const OUTWARD = 'connects the database to others'

function ddl(verb: string, reason = SCHEMA): KindEffect {
  return { verb, effects: DDL, reason }
}
function privilege(verb: string, reason = RIGHTS): KindEffect {
  return { verb, effects: ['privilege'], reason }
}
function server(verb: string, reason = SERVER): KindEffect {
  return { verb, effects: ['server'], reason }
}
function outward(verb: string): KindEffect {
  return { verb, effects: ['ddl', 'export'], reason: OUTWARD, secret: true }
}

/** Kinds without a case of their own. A kind that is in neither list is opaque. */
export const KIND_EFFECTS: Readonly<Record<string, KindEffect>> = {
  AlterCollationStmt: ddl('ALTER COLLATION'),
  AlterDatabaseRefreshCollStmt: server('ALTER DATABASE'),
  AlterDatabaseSetStmt: {
    verb: 'ALTER DATABASE',
    effects: ['ddl', 'privilege'],
    reason: 'changes the settings of every later session',
  },
  AlterDatabaseStmt: ddl('ALTER DATABASE'),
  AlterDefaultPrivilegesStmt: privilege('ALTER DEFAULT PRIVILEGES'),
  AlterDomainStmt: ddl('ALTER DOMAIN'),
  AlterEnumStmt: ddl('ALTER TYPE'),
  AlterEventTrigStmt: ddl('ALTER EVENT TRIGGER'),
  AlterExtensionContentsStmt: server('ALTER EXTENSION'),
  AlterExtensionStmt: server('ALTER EXTENSION'),
  AlterFdwStmt: outward('ALTER FOREIGN DATA WRAPPER'),
  AlterForeignServerStmt: outward('ALTER SERVER'),
  AlterObjectDependsStmt: ddl('ALTER DEPENDS'),
  AlterObjectSchemaStmt: ddl('ALTER SET SCHEMA'),
  AlterOpFamilyStmt: ddl('ALTER OPERATOR FAMILY'),
  AlterOperatorStmt: ddl('ALTER OPERATOR'),
  AlterOwnerStmt: privilege('ALTER OWNER', 'changes who owns an object'),
  AlterPolicyStmt: privilege('ALTER POLICY', 'changes row security'),
  AlterPublicationStmt: outward('ALTER PUBLICATION'),
  AlterRoleSetStmt: {
    verb: 'ALTER ROLE',
    effects: ['privilege'],
    reason: 'changes the settings of every later session of a role',
    secret: true,
  },
  AlterRoleStmt: { verb: 'ALTER ROLE', effects: ['privilege'], reason: RIGHTS, secret: true },
  AlterSeqStmt: ddl('ALTER SEQUENCE'),
  AlterStatsStmt: ddl('ALTER STATISTICS'),
  AlterSubscriptionStmt: outward('ALTER SUBSCRIPTION'),
  AlterSystemStmt: { verb: 'ALTER SYSTEM', effects: ['server'], reason: SERVER, secret: true },
  AlterTSConfigurationStmt: ddl('ALTER TEXT SEARCH CONFIGURATION'),
  AlterTSDictionaryStmt: ddl('ALTER TEXT SEARCH DICTIONARY'),
  AlterTableMoveAllStmt: ddl('ALTER TABLE ALL'),
  AlterTableSpaceOptionsStmt: server('ALTER TABLESPACE'),
  AlterTypeStmt: ddl('ALTER TYPE'),
  AlterUserMappingStmt: outward('ALTER USER MAPPING'),
  CheckPointStmt: server('CHECKPOINT', 'administers the server'),
  ClusterStmt: server('CLUSTER', 'rewrites tables under an exclusive lock'),
  CommentStmt: ddl('COMMENT'),
  CompositeTypeStmt: ddl('CREATE TYPE'),
  CreateAmStmt: server('CREATE ACCESS METHOD'),
  CreateCastStmt: ddl('CREATE CAST'),
  CreateConversionStmt: ddl('CREATE CONVERSION'),
  CreateDomainStmt: ddl('CREATE DOMAIN'),
  CreateEnumStmt: ddl('CREATE TYPE'),
  CreateEventTrigStmt: ddl('CREATE EVENT TRIGGER'),
  CreateExtensionStmt: server('CREATE EXTENSION'),
  CreateFdwStmt: outward('CREATE FOREIGN DATA WRAPPER'),
  CreateForeignServerStmt: outward('CREATE SERVER'),
  CreateForeignTableStmt: outward('CREATE FOREIGN TABLE'),
  CreateOpClassStmt: ddl('CREATE OPERATOR CLASS'),
  CreateOpFamilyStmt: ddl('CREATE OPERATOR FAMILY'),
  CreatePLangStmt: server('CREATE LANGUAGE'),
  CreatePolicyStmt: privilege('CREATE POLICY', 'changes row security'),
  CreatePublicationStmt: outward('CREATE PUBLICATION'),
  CreateRangeStmt: ddl('CREATE TYPE'),
  CreateRoleStmt: { verb: 'CREATE ROLE', effects: ['privilege'], reason: RIGHTS, secret: true },
  CreateSchemaStmt: ddl('CREATE SCHEMA'),
  CreateSeqStmt: ddl('CREATE SEQUENCE'),
  CreateStatsStmt: ddl('CREATE STATISTICS'),
  CreateStmt: ddl('CREATE TABLE'),
  CreateSubscriptionStmt: outward('CREATE SUBSCRIPTION'),
  CreateTableSpaceStmt: server('CREATE TABLESPACE'),
  CreateTransformStmt: ddl('CREATE TRANSFORM'),
  CreateTrigStmt: ddl('CREATE TRIGGER'),
  CreateUserMappingStmt: outward('CREATE USER MAPPING'),
  CreatedbStmt: ddl('CREATE DATABASE'),
  DefineStmt: ddl('CREATE'),
  DropOwnedStmt: {
    verb: 'DROP OWNED',
    effects: ['ddl', 'privilege'],
    reason: 'drops objects and rights',
  },
  DropRoleStmt: privilege('DROP ROLE'),
  DropSubscriptionStmt: outward('DROP SUBSCRIPTION'),
  DropTableSpaceStmt: server('DROP TABLESPACE'),
  DropUserMappingStmt: outward('DROP USER MAPPING'),
  DropdbStmt: ddl('DROP DATABASE', 'drops a database'),
  GrantRoleStmt: privilege('GRANT'),
  GrantStmt: privilege('GRANT'),
  ImportForeignSchemaStmt: outward('IMPORT FOREIGN SCHEMA'),
  IndexStmt: ddl('CREATE INDEX'),
  LoadStmt: server('LOAD', 'loads code into the server'),
  ReassignOwnedStmt: privilege('REASSIGN OWNED', 'changes who owns objects'),
  RefreshMatViewStmt: ddl('REFRESH MATERIALIZED VIEW', 'writes a copy of what the view reads'),
  ReindexStmt: server('REINDEX', 'rebuilds indexes under a lock'),
  RenameStmt: ddl('ALTER RENAME'),
  RuleStmt: ddl('CREATE RULE'),
  SecLabelStmt: {
    verb: 'SECURITY LABEL',
    effects: ['ddl', 'privilege'],
    reason: 'changes security labels',
  },
  ViewStmt: ddl('CREATE VIEW'),
}

/** TABLE for OBJECT_TABLE, MATERIALIZED VIEW for OBJECT_MATVIEW. */
export function objectWords(objectType: unknown): string {
  const words = String(objectType)
    .replace(/^OBJECT_/, '')
    .replaceAll('_', ' ')
  return words.replace('MATVIEW', 'MATERIALIZED VIEW').replace('FDW', 'FOREIGN DATA WRAPPER')
}
