# SPDX-License-Identifier: Apache-2.0


def test_browsers_keep_connections_and_fetch_parts(stage):
    made = stage("http-browse", read_mean_s=0.2)
    made.play(lambda s: s.text("access.log").count(".bin") > 5)
    log = made.text("access.log")
    assert log.count("Firefox") == log.count("\n")
    assert " 200 " in log
    assert " 404 " not in log


def test_tls_browsers_name_the_site(stage):
    made = stage("https-browse", read_mean_s=0.2)
    made.play(lambda s: s.text("access.log").count("GET /") > 5)


def test_health_is_checked_in_one_connection_each(stage):
    made = stage("http-health", every_s=0.1)
    made.play(lambda s: s.text("access.log").count('GET /healthz HTTP/1.1" 200 2 ') > 6)


def test_a_download_is_large_and_slow(stage):
    made = stage("http-download", octets=400_000, octets_per_s=400_000, pause_mean_s=0.1)
    made.play(lambda s: s.text("access.log").count('" 200 400000 ') >= 2)
