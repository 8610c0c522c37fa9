  v_nonce text := coalesce(current_setting('immuta.binding', true), '');
  v_start timestamptz; v_login text; v_subject bigint; v_own boolean; v_row text;
  v_bound boolean; v_itself boolean := false; v_lost boolean := false;
  v_asks bigint; v_limited boolean;
--
  -- Who asks: v_asks, NULL for nobody. Everything but the nonce is read in the statement's own snapshot, so that the answer cannot change
  -- while a statement runs, unless session and row disagree; then the statement ends, lest one half of it is one person's.
  IF pg_is_in_recovery() THEN
    IF v_nonce <> '' THEN
      v_subject := immuta_system.token_subject(v_nonce);
      v_lost := v_subject IS NULL OR NOT EXISTS (SELECT FROM immuta_system.login l WHERE l.role = session_user::text AND {{single}});
    ELSE
      v_itself := true;
      v_bound := true; -- to itself: this login cannot be anybody else here, so a pooler changes nothing
      v_lost := EXISTS (SELECT FROM immuta_system.login l WHERE l.role = session_user::text AND NOT l.own AND NOT l.exempt);
    END IF;
  ELSE
    SELECT b.backend_start, b.login, b.subject, b.own, b.nonce INTO v_start, v_login, v_subject, v_own, v_row
    FROM immuta_system.binding b WHERE b.pid = pg_backend_pid();
    v_bound := FOUND;
    IF v_bound THEN
      v_bound := v_start = (SELECT a.backend_start FROM pg_stat_get_activity(pg_backend_pid()) a); -- else of a backend that is gone
    END IF;
    IF v_bound THEN
      -- Through a pooler a nonce is of one transaction, also when a client kept it for the next.
      v_lost := v_login <> session_user::text OR v_row <> v_nonce
        OR (strpos(v_row, '@') > 0 AND split_part(v_row, '@', 2) IS DISTINCT FROM pg_current_xact_id_if_assigned()::text);
      v_itself := v_own;
    ELSE
      v_lost := v_bound IS NULL OR v_nonce <> '';
      v_subject := NULL;
      v_itself := true;
    END IF;
  END IF;
  IF v_lost THEN
    {{lost}}
  ELSIF v_subject IS NOT NULL THEN
    SELECT i.id, i.limited INTO v_asks, v_limited FROM immuta_system.identity i LEFT JOIN immuta_system.login l ON l.role = session_user::text
    WHERE i.id = v_subject AND {{permitted}};
  ELSIF v_itself THEN
    SELECT i.id, i.limited INTO v_asks, v_limited FROM immuta_system.login l JOIN immuta_system.identity i ON i.id = l.identity
    WHERE l.role = session_user::text AND l.own AND i.serves AND NOT EXISTS (SELECT FROM immuta_system.switch w WHERE w.name = 'off') AND {{itself}};
  END IF;
