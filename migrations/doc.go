// Package migrations holds the histories of the three kinds of schema, and runs them.
//
// A history is a folder of SQL files: a file is a migration, its name without the ending is its id,
// and the order of the names is the order of the history. A file that ends in ".down.sql" undoes the
// migration of its name. Gormigrate keeps in each schema's table schema_migrations what has run.
//
// Migrations run as the owner's login. The application's login and the tenants' roles get what the
// files grant them and nothing else, so they cannot read or change what has run.
package migrations
