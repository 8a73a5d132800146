(4 lines as usual)
while live=$(ask config); [ "$live" != b006d5b8446bb1fd ]; do
(11 lines as usual)
