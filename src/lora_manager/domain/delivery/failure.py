"""What a dispatcher raises when an attempt did not succeed."""

from datetime import timedelta

from lora_manager.domain.delivery.attempt import DeliveryError


class DispatchFailed(Exception):
    """An attempt did not succeed.

    :param code: see :class:`DeliveryError`
    :param message: see :class:`DeliveryError`
    :param retryable: whether trying again, as it is, may succeed
    :param retry_after: how long the receiver asked to be left alone
    :param result: what there is to show all the same, such as the output of a failed command
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool,
        retry_after: timedelta | None = None,
        result: dict[str, object] | None = None,
    ) -> None:
        self.error = DeliveryError(code, message, retryable)
        self.retry_after = retry_after
        self.result = result
        super().__init__(f"{code}: {message}")
