"""Uses Meta's own Python client at the address that is given, and prints what it was told as JSON."""

import json
import sys

from facebook_business.adobjects.page import Page
from facebook_business.adobjects.user import User
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

base, user_token, page_token, page_id, person = sys.argv[1:]


def api_for(token):
    session = FacebookSession('sandbox-app', 'sandbox-app-secret', token)
    session.GRAPH = base
    return FacebookAdsApi(session)


pages = list(User('me', api=api_for(user_token)).get_accounts(fields=['name'], params={'limit': 2}))

api = api_for(page_token)
page = Page(page_id, api=api)
page.api_get(fields=['name', 'category'])
page.create_subscribed_app(params={'subscribed_fields': ['messages', 'message_reads']})
threads = page.get_conversations(fields=['id', 'participants'], params={'platform': 'messenger'})
sent = page.create_message(params={'recipient': {'id': person}, 'message': {'text': 'Sawubona'}})
try:
    page.create_message(params={'recipient': {'id': '1'}, 'message': {'text': 'x'}})
    error = None
except FacebookRequestError as refused:
    error = [refused.api_error_code(), refused.api_error_subcode()]

batched = []
batch = api.new_batch()
for fields in ('name', 'nonsense'):
    batch.add(
        'GET',
        (page_id,),
        params={'fields': fields},
        success=lambda answer: batched.append(answer.is_success()),
        failure=lambda answer: batched.append(answer.is_success()),
    )
batch.execute()

print(
    json.dumps(
        {
            'pages': len(pages),
            'name': page['name'],
            'subscribed': [one['id'] for one in page.get_subscribed_apps()],
            'threads': [one['id'] for one in threads],
            'message_id': sent['message_id'],
            'error': error,
            'batch': batched,
        }
    )
)
