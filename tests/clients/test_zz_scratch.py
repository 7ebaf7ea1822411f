from tests.house import House
from tests import kit
import json
def test_it(database):
    with House(database, chat="mattermost") as house:
        ticket = house.to_awaiting()
        card = house.card()
        print(kit.text_of(card), kit.buttons(card))
        print(house.press("decline","aisyah",card, form=None))
        print(house.press("approve","chen",card))
        house.settle()
        print("chen:", house.answers("chen"))
        print(house.press("approve","aisyah",card))
        house.wait_state(ticket,"banning") 
        house.settle()
        print("aisyah:", house.answers("aisyah"))
        print(json.dumps(house.call("/sandbox/state")["mattermost"]["posts"],indent=1)[:6000])
        print([ (a["method"],a["status"]) for a in house.sandbox.world.arrived("mattermost")])
