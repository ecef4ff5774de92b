# SPDX-License-Identifier: Apache-2.0
def test_names_of_the_plan_are_answered(stage):
    made = stage("dns", pause_mean_s=0.05)
    made.play(lambda s: "client-1.lab.example is 127.0.0.3" in s.said and "NXDOMAIN" in s.said)
    assert made.said.count("query[AAAA]") > 3
    assert abs(made.said.count("query[AAAA]") - made.said.count("query[A]")) <= 2
