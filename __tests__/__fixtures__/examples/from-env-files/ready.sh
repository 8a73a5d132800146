(4 lines as usual)
while live=$(ask config); [ "$live" != 930d63c5339f1922 ]; do
(11 lines as usual)
