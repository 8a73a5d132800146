(4 lines as usual)
while live=$(ask config); [ "$live" != 839ba6302fc782e2 ]; do
(11 lines as usual)
