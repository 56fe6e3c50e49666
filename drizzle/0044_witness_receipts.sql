ALTER TABLE "es"."signer" ADD COLUMN "receipt" text;--> statement-breakpoint
CREATE INDEX "reads_at" ON "es"."reads" USING brin ("at");