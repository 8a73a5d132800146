(4 lines as usual)
while live=$(ask config); [ "$live" != 964cd44e30bf0a6f ]; do
(11 lines as usual)
