CREATE TABLE "es"."keyring" (
	"one" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"id" uuid NOT NULL,
	"erasures" integer DEFAULT 0 NOT NULL,
	"since" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "es"."subject_keys" (
	"subject" text NOT NULL,
	"until" text DEFAULT '' NOT NULL,
	"wrapped" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "subject_keys_subject_until_pk" PRIMARY KEY("subject","until")
);
--> statement-breakpoint
CREATE INDEX "subject_keys_until" ON "es"."subject_keys" USING btree ("until") WHERE until <> '';
--> statement-breakpoint
-- Keeps data keys of subjects that have none yet, and returns those that are kept: for each, the first that anybody has sent.
--
-- keys: [{ s: subject, u: the last day on which it is needed or '', w: the wrapped key in base64 }]
CREATE FUNCTION es.keep_subject_keys(keys jsonb)
RETURNS TABLE (subject text, until text, wrapped bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO es.subject_keys (subject, until, wrapped)
  SELECT k.s, k.u, decode(k.w, 'base64') FROM jsonb_to_recordset(keys) AS k(s text, u text, w text)
  -- In one order everywhere, so that two callers never wait for each other.
  ORDER BY k.s, k.u
  ON CONFLICT DO NOTHING;
  -- A statement of its own: it sees what others have kept meanwhile.
  RETURN QUERY
  SELECT kept.subject, kept.until, kept.wrapped
  FROM jsonb_to_recordset(keys) AS k(s text, u text) JOIN es.subject_keys kept ON kept.subject = k.s AND kept.until = k.u;
END $$;
--> statement-breakpoint
-- Makes a keyring that of the store, if it has none yet, and returns the store's, with the number of subjects that were erased in it.
CREATE FUNCTION es.claim_keyring(claimed uuid)
RETURNS TABLE (id uuid, erasures int)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO es.keyring (id) VALUES (claimed) ON CONFLICT DO NOTHING;
  RETURN QUERY SELECT k.id, k.erasures FROM es.keyring k;
END $$;
--> statement-breakpoint
REVOKE EXECUTE ON FUNCTION es.keep_subject_keys, es.claim_keyring FROM PUBLIC;
