-- Text as identifiers are compared: in one Unicode normal form, in lower case, the same in every database: lower() knows what the locale of the
-- database knows, and in collation C nothing but ASCII. Latin, Greek and Cyrillic letters are folded here. Without SET and STRICT, so that it
-- becomes part of the statement: a call costs ten times as much. Every name is qualified: pgtrail_privacy calls it with a search path of its own.
create or replace function pgtrail.fold_text(value text) returns text
language sql immutable parallel safe
as $$
    -- ASCII is in every normal form already, and to find that out is much cheaper.
    select case when pg_catalog.octet_length(value) operator(pg_catalog.=) pg_catalog.length(value) then pg_catalog.lower(value collate "C")
        else pg_catalog.translate(pg_catalog.lower(pg_catalog.normalize(value) collate "C"),
            'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĲĴĶĹĻĽĿŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽͰͲͶͿΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫϏϘϚϜϞϠϢϤϦϨϪϬϮϴϷϹϺϽϾϿЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ',
            'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĳĵķĺļľŀłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżžͱͳͷϳάέήίόύώαβγδεζηθικλμνξοπρστυφχψωϊϋϗϙϛϝϟϡϣϥϧϩϫϭϯθϸϲϻͻͼͽѐёђѓєѕіїјљњћќѝўџабвгдежзийклмнопрстуфхцчшщъыьэюя') end
$$;
comment on function pgtrail.fold_text(text) is 'Text as identifiers are compared';
revoke all on function pgtrail.fold_text(text) from public;
