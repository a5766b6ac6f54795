-- Takes the whole log away: the caller has been asked for the name of the database.
drop schema pgtrail cascade;
