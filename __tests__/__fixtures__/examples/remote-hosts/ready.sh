(4 lines as usual)
while live=$(ask config); [ "$live" != ed68407158c359ad ]; do
(11 lines as usual)
