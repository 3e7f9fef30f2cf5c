"""Two robots that answer each other stop, whatever the other one is; the big run is bench/robots.py."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.acknowledge.desk import POLICY, Desk
from tests.acknowledge.robots import KINDS, any_robot, converse


@pytest.mark.parametrize("robot", KINDS, ids=lambda one: one.name)
def test_at_most_two_acknowledgements_a_day_to_one_address(tmp_path, robot):
    desk = Desk(tmp_path)
    said = converse(desk, robot, days=8, random_=random.Random(1), most=100)
    desk.close()
    assert said.theirs > 3
    assert said.most_in_a_day() <= 2
    if robot.marks:
        assert said.ours == []


def test_a_robot_that_threads_is_answered_once_a_conversation(tmp_path):
    """Our own Message-ID in its References ends the conversation with the second mail."""
    desk = Desk(tmp_path)
    robot = next(one for one in KINDS if one.name == "helpdesk that threads")
    said = converse(desk, robot, days=1, random_=random.Random(2), most=2)
    desk.close()
    assert (said.theirs, len(said.ours)) == (2, 1)


def test_random_pairs(tmp_path):
    dice = random.Random(20260306)
    for number in range(25):
        desk = Desk(tmp_path / str(number))
        said = converse(desk, any_robot(dice), days=4, random_=dice, most=30)
        desk.close()
        assert said.most_in_a_day() <= 2, said.robot


def test_without_the_limit_the_robots_would_talk(tmp_path):
    """The simulation can fail: with the limits off, a script without manners is answered on and on."""
    generous = replace(
        POLICY.limits, once_per=timedelta(seconds=1), per_sender=replace(POLICY.limits.per_sender, count=1000)
    )
    desk = Desk(tmp_path, replace(POLICY, limits=generous))
    robot = next(one for one in KINDS if one.name == "script without any mark")
    said = converse(desk, robot, days=1, random_=random.Random(3), most=30)
    desk.close()
    assert said.most_in_a_day() > 20


def test_a_flood_of_addresses_ends_at_the_domain_s_limit(tmp_path):
    desk = Desk(tmp_path)
    robot = next(one for one in KINDS if one.name == "robot whose address changes")
    said = converse(desk, replace(robot, delay_s=1.0), days=1, random_=random.Random(4), most=90)
    desk.close()
    assert len(said.ours) > 50 >= said.most_in_an_hour()
